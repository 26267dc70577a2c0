/** The texts of the customer's page, in both languages. */

import type { Status } from '@rtdts/client';
import type { Language } from '../shared/language.js';

const en = {
  title: 'Your delivery',
  otherLanguage: '한국어',
  status: {
    assigned: 'A truck is assigned',
    en_route_to_pickup: 'On the way to the pickup',
    at_pickup: 'At the pickup',
    in_transit: 'On the way to you',
    nearby: 'Nearby',
    arrived: 'At the destination',
    delivered: 'Delivered',
    failed: 'The delivery failed',
    cancelled: 'The delivery was cancelled',
  } satisfies Record<Status, string>,
  unknownStatus: 'Under way',
  steps: ['Assigned', 'Pickup', 'On the way', 'Delivered'],
  stepsLabel: 'Progress',
  history: 'History',
  since: (time: string) => `since ${time}`,
  arrives: 'Expected to arrive',
  between: (from: string, to: string) => `${from} – ${to}`,
  etaWide:
    'The range is wide because it is calculated from the straight-line distance and this truck’s speed so far, not from a route. It narrows as the truck comes closer.',
  noEta: {
    not_yet_loaded: 'Loading the expected time…',
    stale: 'The arrival time can’t be estimated while the truck’s position is unknown.',
    unknown:
      'The arrival time can’t be estimated yet: the truck has not moved far enough, or has been stopped for a long time.',
  },
  window: (from: string, to: string) => `Agreed time: ${from} – ${to}`,
  late: 'The truck will probably arrive after the agreed time.',
  remaining: (distance: string) => `${distance} to go in a straight line`,
  stops: (count: number) =>
    count === 0
      ? 'You are the next stop'
      : count === 1
        ? '1 stop before you'
        : `${count} stops before you`,
  positionAge: (age: string) => `Position: ${age}`,
  now: 'just now',
  old: 'The truck has not reported for a while. It may be somewhere else by now.',
  stale: (time: string) => `The truck has sent no usable position since ${time}.`,
  notShown: 'The truck is shown once it is on its way for your delivery.',
  connecting: 'Connecting…',
  lost: (time: string) => `The connection was lost; reconnecting. Last update: ${time}.`,
  noNetwork: (time: string) => `This device is offline. Last update: ${time}.`,
  never: 'The service can’t be reached; reconnecting.',
  offlineAtStart: 'This device is offline.',
  ended: {
    viewing_over: 'Tracking of this delivery has ended.',
    cancelled: 'The delivery was cancelled.',
    no_longer_yours: 'This delivery can no longer be seen here.',
    not_found: 'This link has expired or was revoked. Ask the sender for a new one.',
    other: 'Tracking has ended.',
  },
  linkInvalid: 'This link is not valid, has expired or was revoked.',
  linkInvalidHint: 'Ask the sender for a new link.',
  linkMissing: 'This link is incomplete. Please open the complete link that you received.',
  unavailable: 'The service can’t be reached. Please try again later.',
  failure: {
    nobody_home: 'Nobody was there to receive the delivery.',
    refused: 'The delivery was refused at the destination.',
    wrong_address: 'The address was wrong.',
    no_access: 'The destination could not be reached.',
    damaged: 'The goods were damaged.',
    missing: 'The goods were missing.',
    vehicle: 'The truck broke down.',
    weather: 'The weather prevented the delivery.',
    other: 'No reason was given. Please ask the sender.',
  },
  places: 'Places',
  origin: 'From',
  destination: 'To',
  map: 'Map',
  showMap: 'Show the map',
  showMapSaving: 'Show the map (about 1 MB)',
  hideMap: 'Hide the map',
  findTruck: 'Go to the truck',
  noMap: 'The map can’t be shown on this device. The text has all the information.',
  truck: 'Truck',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
};

export type Texts = typeof en;

const ko: Texts = {
  title: '내 배송',
  otherLanguage: 'English',
  status: {
    assigned: '차량이 배정되었습니다',
    en_route_to_pickup: '상차지로 이동 중입니다',
    at_pickup: '상차지에 도착했습니다',
    in_transit: '배송 중입니다',
    nearby: '곧 도착합니다',
    arrived: '목적지에 도착했습니다',
    delivered: '배송이 완료되었습니다',
    failed: '배송하지 못했습니다',
    cancelled: '배송이 취소되었습니다',
  },
  unknownStatus: '진행 중입니다',
  steps: ['배정', '상차', '배송 중', '완료'],
  stepsLabel: '진행 단계',
  history: '진행 내역',
  since: (time) => `${time}부터`,
  arrives: '도착 예정',
  between: (from, to) => `${from} ~ ${to}`,
  etaWide:
    '경로가 아니라 직선거리와 지금까지의 속도로 계산하므로 범위가 넓습니다. 차량이 가까워질수록 좁아집니다.',
  noEta: {
    not_yet_loaded: '도착 예정 시각을 불러오는 중입니다.',
    stale: '차량 위치를 알 수 없어 도착 예정 시각을 표시할 수 없습니다.',
    unknown: '차량이 충분히 이동하지 않았거나 오래 멈춰 있어 아직 도착 예정 시각을 알 수 없습니다.',
  },
  window: (from, to) => `약속 시간: ${from} ~ ${to}`,
  late: '약속 시간보다 늦을 것으로 보입니다.',
  remaining: (distance) => `직선거리로 ${distance} 남음`,
  stops: (count) => (count === 0 ? '다음 배송지입니다' : `앞에 ${count}곳 남음`),
  positionAge: (age) => `위치: ${age}`,
  now: '방금 전',
  old: '차량이 한동안 위치를 보내지 않았습니다. 지금은 다른 곳에 있을 수 있습니다.',
  stale: (time) => `${time} 이후 차량의 위치를 확인하지 못했습니다.`,
  notShown: '차량이 고객님의 물품을 배송하러 이동하면 위치가 표시됩니다.',
  connecting: '연결 중…',
  lost: (time) => `연결이 끊겨 다시 시도하고 있습니다. ${time} 기준 정보입니다.`,
  noNetwork: (time) => `기기가 오프라인입니다. ${time} 기준 정보입니다.`,
  never: '서비스에 연결할 수 없어 다시 시도하고 있습니다.',
  offlineAtStart: '기기가 오프라인입니다.',
  ended: {
    viewing_over: '이 배송의 조회가 종료되었습니다.',
    cancelled: '배송이 취소되었습니다.',
    no_longer_yours: '이 배송은 더 이상 여기에서 볼 수 없습니다.',
    not_found: '링크가 만료되었거나 취소되었습니다. 보낸 분에게 새 링크를 요청해 주세요.',
    other: '조회가 종료되었습니다.',
  },
  linkInvalid: '링크가 올바르지 않거나 만료 또는 취소되었습니다.',
  linkInvalidHint: '보낸 분에게 새 링크를 요청해 주세요.',
  linkMissing: '받으신 링크 전체를 열어 주세요.',
  unavailable: '서비스에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요.',
  failure: {
    nobody_home: '받을 분이 계시지 않았습니다.',
    refused: '목적지에서 수령을 거부했습니다.',
    wrong_address: '주소가 올바르지 않았습니다.',
    no_access: '장소에 들어갈 수 없었습니다.',
    damaged: '물품이 파손되었습니다.',
    missing: '물품이 분실되었습니다.',
    vehicle: '차량이 고장 났습니다.',
    weather: '날씨 때문에 배송하지 못했습니다.',
    other: '사유가 등록되지 않았습니다. 보낸 분에게 문의해 주세요.',
  },
  places: '장소',
  origin: '상차지',
  destination: '목적지',
  map: '지도',
  showMap: '지도 보기',
  showMapSaving: '지도 보기 (약 1MB)',
  hideMap: '지도 숨기기',
  findTruck: '차량 위치로 이동',
  noMap: '이 기기에서는 지도를 표시할 수 없습니다. 모든 정보는 글로 볼 수 있습니다.',
  truck: '차량',
  zoomIn: '확대',
  zoomOut: '축소',
};

export const texts: Record<Language, Texts> = { en, ko };

/** Returns the text for one of the service's codes, or that of `fallback` for an unknown code. */
export function textOf<TextsByCode extends Record<string, string>>(
  textsByCode: TextsByCode,
  code: string | null,
  fallback: keyof TextsByCode,
): string {
  return code !== null && Object.hasOwn(textsByCode, code)
    ? (textsByCode[code] as string)
    : (textsByCode[fallback] as string);
}
