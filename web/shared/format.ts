/** Formats times, ages, distances and speeds for a language. */

import type { Language } from './language.js';

/** A time of day, with its date unless it is today. */
export function timeOf(instant: string | number, language: Language, nowMs: number): string {
  const date = new Date(instant);
  const isToday = date.toDateString() === new Date(nowMs).toDateString();
  return new Intl.DateTimeFormat(language, {
    hour: 'numeric',
    minute: '2-digit',
    ...(isToday ? {} : { month: 'short', day: 'numeric' }),
  }).format(date);
}

/** An age in words, such as "12 sec. ago". */
export function ageOf(age_s: number, language: Language, texts: { now: string }): string {
  if (age_s < 2) return texts.now;
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'always', style: 'short' });
  if (age_s < 90) return words.format(-Math.round(age_s), 'second');
  if (age_s < 5400) return words.format(-Math.round(age_s / 60), 'minute');
  if (age_s < 129_600) return words.format(-Math.round(age_s / 3600), 'hour');
  return words.format(-Math.round(age_s / 86_400), 'day');
}

/** A distance, rounded to 10 m, or to 100 m from 1 km, or to 1 km from 10 km. */
export function distanceOf(metres: number, language: Language): string {
  const unit = metres < 950 ? 'meter' : 'kilometer';
  const value = metres < 950 ? Math.round(metres / 10) * 10 : metres / 1000;
  const maximumFractionDigits = unit === 'kilometer' && value < 10 ? 1 : 0;
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits }).format(
    value,
  );
}

/** A speed in km/h. */
export function speedOf(speed_mps: number, language: Language): string {
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: 'kilometer-per-hour',
    maximumFractionDigits: 0,
  }).format(speed_mps * 3.6);
}
