import { useEffect, useState } from 'preact/hooks';
import { speedOf, timeOf } from '../shared/format.js';
import type { Language } from '../shared/language.js';
import {
  advance,
  linesOf,
  type Moment,
  momentOf,
  SPANS,
  SPEEDS,
  type Span,
  spanOf,
  type TrackPoint,
} from './replay.js';
import type { Failure, Service } from './service.js';
import type { Texts } from './texts.js';

/** The parts of a replay on the map. */
export interface Replayed {
  readonly lines: [number, number][][];
  readonly moment: Moment | null;
}

interface Props {
  readonly truckId: string;
  /** When the delivery was assigned to this truck, in epoch ms; null if none, or unknown. */
  readonly assignedMs: number | null;
  readonly service: Service;
  readonly nowMs: number;
  readonly language: Language;
  readonly t: Texts;
  readonly onReplay: (replayed: Replayed | null) => void;
}

interface Loaded {
  readonly points: readonly TrackPoint[];
  readonly isComplete: boolean;
  readonly lines: [number, number][][];
}

/** Loads and replays a truck's track. */
export function ReplayPanel(props: Props) {
  const { truckId, assignedMs, service, nowMs, language, t, onReplay } = props;
  const [span, setSpan] = useState<Span>(assignedMs === null ? 'hour' : 'delivery');
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const [atMs, setAtMs] = useState(0);
  const [speed, setSpeed] = useState<number>(SPEEDS[1]);
  const [isPlaying, setIsPlaying] = useState(false);
  const points = loaded?.points ?? [];
  const [firstMs, lastMs] = [points[0]?.atMs ?? 0, points.at(-1)?.atMs ?? 0];
  const moment = momentOf(points, atMs);

  useEffect(() => {
    onReplay(loaded && { lines: loaded.lines, moment });
  }, [loaded, atMs]);
  useEffect(() => () => onReplay(null), []);

  useEffect(() => {
    if (!isPlaying) return undefined;
    const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)').matches;
    let [handle, beforeMs] = [0, performance.now()];
    const step = () => {
      const timeMs = performance.now();
      const elapsedMs = timeMs - beforeMs;
      beforeMs = timeMs;
      setAtMs((before) => advance(points, before, elapsedMs, speed));
    };
    if (reducedMotion) {
      const timer = setInterval(step, 1000);
      return () => clearInterval(timer);
    }
    const frame = () => {
      step();
      handle = requestAnimationFrame(frame);
    };
    handle = requestAnimationFrame(frame);
    return () => cancelAnimationFrame(handle);
  }, [isPlaying, speed, loaded]);

  useEffect(() => {
    if (isPlaying && atMs >= lastMs) setIsPlaying(false);
  }, [isPlaying, atMs, lastMs]);

  const load = async () => {
    setIsBusy(true);
    setIsPlaying(false);
    const result = await service.track(truckId, ...spanOf(span, assignedMs, Date.now()));
    setIsBusy(false);
    if ('failure' in result) {
      setFailure(result.failure);
      setLoaded(null);
      return;
    }
    setFailure(null);
    setLoaded({ ...result.value, lines: linesOf(result.value.points) });
    setAtMs(result.value.points[0]?.atMs ?? 0);
  };
  const play = () => {
    if (!isPlaying && atMs >= lastMs) setAtMs(firstMs);
    setIsPlaying(!isPlaying);
  };
  return (
    <section class="replay" aria-label={t.replay}>
      <h3>{t.replay}</h3>
      <p class="buttons">
        <select
          aria-label={t.replaySpan}
          value={span}
          onChange={(event) => setSpan(event.currentTarget.value as Span)}
        >
          {SPANS.filter((one) => one !== 'delivery' || assignedMs !== null).map((one) => (
            <option key={one} value={one}>
              {t.span[one]}
            </option>
          ))}
        </select>
        <button type="button" disabled={isBusy} onClick={load}>
          {t.loadTrack}
        </button>
      </p>
      <p role="status" aria-live="polite">
        {failure && t.failure[failure]}
        {loaded && (points.length === 0 ? t.noTrack : t.trackPoints(points.length))}
        {loaded && !loaded.isComplete && ` ${t.trackCut}`}
      </p>
      {points.length > 0 && (
        <>
          <input
            type="range"
            aria-label={t.replayTime}
            aria-valuetext={timeOf(atMs, language, nowMs)}
            min={firstMs}
            max={lastMs}
            step={1000}
            value={atMs}
            onInput={(event) => setAtMs(Math.min(lastMs, event.currentTarget.valueAsNumber))}
          />
          <p class="moment">
            {secondOf(atMs, language)}
            {moment?.isSilent
              ? ` · ${t.silent}`
              : moment?.speed_mps != null && ` · ${speedOf(moment.speed_mps, language)}`}
          </p>
          <p class="buttons">
            <button type="button" onClick={play}>
              {isPlaying ? t.pause : t.play}
            </button>
            <select
              aria-label={t.replaySpeed}
              value={speed}
              onChange={(event) => setSpeed(Number(event.currentTarget.value))}
            >
              {SPEEDS.map((one) => (
                <option key={one} value={one}>
                  × {one}
                </option>
              ))}
            </select>
          </p>
        </>
      )}
    </section>
  );
}

function secondOf(atMs: number, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'medium' }).format(
    atMs,
  );
}
