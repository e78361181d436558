/** Places as a map around a middle shows them, without a browser. */

export interface Spot {
  lat: number;
  lon: number;
}

const KM_PER_DEGREE = 111.195;

/** Kilometres to the east and to the south of the middle; across ±180° the short way. */
export function offset(middle: Spot, at: Spot): { x: number; y: number } {
  const turn = ((((at.lon - middle.lon + 180) % 360) + 360) % 360) - 180;
  return { x: turn * KM_PER_DEGREE * Math.cos((middle.lat * Math.PI) / 180), y: (middle.lat - at.lat) * KM_PER_DEGREE };
}

export function spotOf(near: string): Spot | null {
  const [lat, lon] = near.split(",").map(Number);
  return lat === undefined || lon === undefined || Number.isNaN(lat + lon) ? null : { lat, lon };
}
