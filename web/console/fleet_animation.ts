/** Animates the trucks from their positions in one snapshot to those in the next. */

import { distanceM } from '../map/geodesy.js';
import { animateTo, type MarkerAnimation, markerAt } from '../map/marker_animation.js';
import type { FleetTruck } from './fleet_messages.js';

/** The size of a pixel in metres at a latitude and zoom, for tiles of 512 pixels. */
export function metresPerPixel(lat: number, zoom: number): number {
  return (40_075_016.686 * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** zoom);
}

export class FleetAnimation {
  #animations = new Map<string, MarkerAnimation<FleetTruck>>();
  #endMs = Number.NEGATIVE_INFINITY;

  /**
   * Starts the animations to the positions of a snapshot.
   *
   * @param zoom - The map's zoom. Movements of less than a pixel at this zoom are not animated.
   */
  update(trucks: readonly FleetTruck[], zoom: number, nowMs: number, reducedMotion: boolean): void {
    const before = this.#animations;
    this.#animations = new Map();
    this.#endMs = nowMs;
    const pixel_m = metresPerPixel(trucks[0]?.lat ?? 0, zoom);
    for (const truck of trucks) {
      const known = before.get(truck.truckId);
      const shown = known ? markerAt(known, nowMs) : null;
      const isStill = shown === null || distanceM(shown, truck) < pixel_m;
      const isSame = known && known.to.lat === truck.lat && known.to.lon === truck.lon;
      const animation: MarkerAnimation<FleetTruck> =
        isSame && !isStill && !reducedMotion
          ? { ...known, to: truck } // the running animation has the same target
          : animateTo(isStill ? null : shown, truck, nowMs, reducedMotion);
      this.#animations.set(truck.truckId, animation);
      this.#endMs = Math.max(this.#endMs, animation.startMs + animation.durationMs);
    }
  }

  /** Returns the trucks with their animated positions at a time. */
  at(nowMs: number): FleetTruck[] {
    return Array.from(this.#animations.values(), (animation) => markerAt(animation, nowMs));
  }

  isFinished(nowMs: number): boolean {
    return nowMs >= this.#endMs;
  }
}
