import type { Feature } from "../../feature";

/** A panel of the studio: how long recordings are kept. It has no page of its own. */
export const recordings: Feature = { name: "recordings" };
