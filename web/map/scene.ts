export interface Point {
  readonly lat: number;
  readonly lon: number;
}

export interface Truck extends Point {
  readonly heading_deg: number | null;
  readonly accuracy_m: number | null;
  /** It is where the truck was, not where it is. */
  readonly isStale: boolean;
}

/** Everything that a map of one delivery shows. */
export interface Scene {
  readonly truck: Truck | null;
  readonly track: readonly Point[];
  readonly origin: Point | null;
  readonly destination: Point | null;
}
