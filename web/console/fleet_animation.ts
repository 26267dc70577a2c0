/** Where a snapshot's trucks are drawn, on their way from where the one before had them. */

import { distanceM } from '../map/geodesy.js';
import { type Glide, glideTo, truckAt } from '../map/glide.js';
import type { FleetTruck } from './fleet_messages.js';

/** Metres of a pixel at a place, of tiles of 512 pixels. */
export function metresPerPixel(lat: number, zoom: number): number {
  return (40_075_016.686 * Math.cos((lat * Math.PI) / 180)) / (512 * 2 ** zoom);
}

export class FleetGlide {
  #glides = new Map<string, Glide<FleetTruck>>();
  #endMs = Number.NEGATIVE_INFINITY;

  /**
   * Takes a snapshot.
   *
   * @param zoom What moves by less than a pixel there is drawn where it is: its glide is invisible.
   */
  update(trucks: readonly FleetTruck[], zoom: number, nowMs: number, reducedMotion: boolean): void {
    const before = this.#glides;
    this.#glides = new Map();
    this.#endMs = nowMs;
    const pixel_m = metresPerPixel(trucks[0]?.lat ?? 0, zoom);
    for (const truck of trucks) {
      const known = before.get(truck.truckId);
      const shown = known ? truckAt(known, nowMs) : null;
      const isStill = shown === null || distanceM(shown, truck) < pixel_m;
      const isSame = known && known.to.lat === truck.lat && known.to.lon === truck.lon;
      const glide: Glide<FleetTruck> =
        isSame && !isStill && !reducedMotion
          ? { ...known, to: truck } // it is on its way there already
          : glideTo(isStill ? null : shown, truck, nowMs, reducedMotion);
      this.#glides.set(truck.truckId, glide);
      this.#endMs = Math.max(this.#endMs, glide.startMs + glide.durationMs);
    }
  }

  /** The trucks as they are drawn at a time. */
  at(nowMs: number): FleetTruck[] {
    return Array.from(this.#glides.values(), (glide) => truckAt(glide, nowMs));
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#endMs;
  }
}
