export interface Point {
  readonly lat: number;
  readonly lon: number;
}

export interface Truck extends Point {
  readonly heading_deg: number | null;
  readonly accuracy_m: number | null;
  /** The position is outdated: the truck may be somewhere else now. */
  readonly isStale: boolean;
}

/** Everything on the map of one delivery. */
export interface Scene {
  readonly truck: Truck | null;
  readonly track: readonly Point[];
  readonly origin: Point | null;
  readonly destination: Point | null;
}
