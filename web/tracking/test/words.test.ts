import { expect, test } from 'vitest';
import { ageOf, distanceOf } from '../../shared/format.js';
import { chooseLanguage } from '../../shared/language.js';
import { textOf, texts } from '../texts.js';
import { stepsOf } from '../timeline.js';
import { tokenOf } from '../tracking.js';

const event = (version: number, status: string, cause = 'declared') => ({
  version,
  status: status as 'assigned',
  effective_at: `2026-11-24T07:00:0${version}.000Z`,
  cause,
});

test('a corrected time replaces the earlier one, in its place', () => {
  const steps = stepsOf([
    event(1, 'assigned'),
    event(2, 'at_pickup'),
    event(3, 'in_transit'),
    event(4, 'at_pickup', 'corrected'),
  ]);

  expect(steps.map((step) => step.status)).toEqual(['assigned', 'at_pickup', 'in_transit']);
  expect(steps[1]?.at).toBe('2026-11-24T07:00:04.000Z');
});

test('a status that is entered again is listed once, in its new place', () => {
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
] as const)('an age of %d s in %s is "%s"', (age_s, language, expected) => {
  expect(ageOf(age_s, language, texts[language])).toBe(expected);
});

test('a distance is rounded to two digits', () => {
  expect(distanceOf(347, 'en')).toBe('350 m');
  expect(distanceOf(4210.7, 'en')).toBe('4.2 km');
  expect(distanceOf(42_107, 'ko')).toBe('42km');
});

test('the language is that of the link, else of the browser, else English', () => {
  expect(chooseLanguage('?lang=ko', ['en'])).toBe('ko');
  expect(chooseLanguage('?lang=xx', ['fr-FR', 'ko-KR', 'en'])).toBe('ko');
  expect(chooseLanguage('', ['fr'])).toBe('en');
});

test('any unknown code has the text of the fallback', () => {
  expect(textOf(texts.en.failure, 'refused', 'other')).toBe(texts.en.failure.refused);
  expect(textOf(texts.en.failure, 'constructor', 'other')).toBe(texts.en.failure.other);
  expect(textOf(texts.en.failure, '<img>', 'other')).toBe(texts.en.failure.other);
});

test('only a fragment in the format of a token is used as one', () => {
  expect(tokenOf('#D-1~yQ3v0Zk5mJ4pX1c9')).toBe('D-1~yQ3v0Zk5mJ4pX1c9');
  for (const other of ['', '#', '#a/b', '#<script>', `#${'a'.repeat(257)}`]) {
    expect(tokenOf(other)).toBeNull();
  }
});
