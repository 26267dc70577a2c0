import { expect, test } from 'vitest';
import { ageOf, distanceOf } from '../../shared/format.js';
import { chooseLanguage } from '../../shared/language.js';
import { texts, wordOf } from '../texts.js';
import { stepsOf } from '../timeline.js';
import { tokenOf } from '../tracking.js';

const event = (version: number, status: string, cause = 'declared') => ({
  version,
  status: status as 'assigned',
  effective_at: `2026-11-24T07:00:0${version}.000Z`,
  cause,
});

test('a corrected time replaces the one before, at its place', () => {
  const steps = stepsOf([
    event(1, 'assigned'),
    event(2, 'at_pickup'),
    event(3, 'in_transit'),
    event(4, 'at_pickup', 'corrected'),
  ]);

  expect(steps.map((step) => step.status)).toEqual(['assigned', 'at_pickup', 'in_transit']);
  expect(steps[1]?.at).toBe('2026-11-24T07:00:04.000Z');
});

test('a status that is entered again stands at its new place, once', () => {
  const steps = stepsOf([
    event(1, 'assigned'),
    event(2, 'en_route_to_pickup'),
    event(3, 'assigned'),
  ]);

  expect(steps.map((step) => step.status)).toEqual(['en_route_to_pickup', 'assigned']);
});

test.each([
  [0, 'en', 'just now'],
  [12.4, 'en', '12 sec. ago'],
  [12.4, 'ko', '12초 전'],
  [600, 'en', '10 min. ago'],
] as const)('an age of %d s in %s is "%s"', (age_s, language, words) => {
  expect(ageOf(age_s, language, texts[language])).toBe(words);
});

test('a distance shows what is known of it', () => {
  expect(distanceOf(347, 'en')).toBe('350 m');
  expect(distanceOf(4210.7, 'en')).toBe('4.2 km');
  expect(distanceOf(42_107, 'ko')).toBe('42km');
});

test('the link names the language, else the browser', () => {
  expect(chooseLanguage('?lang=ko', ['en'])).toBe('ko');
  expect(chooseLanguage('?lang=xx', ['fr-FR', 'ko-KR', 'en'])).toBe('ko');
  expect(chooseLanguage('', ['fr'])).toBe('en');
});

test('a code that is not known has the fallback’s word, whatever it is', () => {
  expect(wordOf(texts.en.failure, 'refused', 'other')).toBe(texts.en.failure.refused);
  expect(wordOf(texts.en.failure, 'constructor', 'other')).toBe(texts.en.failure.other);
  expect(wordOf(texts.en.failure, '<img>', 'other')).toBe(texts.en.failure.other);
});

test('only what can be a token is sent anywhere', () => {
  expect(tokenOf('#D-1~yQ3v0Zk5mJ4pX1c9')).toBe('D-1~yQ3v0Zk5mJ4pX1c9');
  for (const other of ['', '#', '#a/b', '#<script>', `#${'a'.repeat(257)}`]) {
    expect(tokenOf(other)).toBeNull();
  }
});
