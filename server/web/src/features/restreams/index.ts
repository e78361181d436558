import type { Feature } from "../../feature";

/** A panel of the studio: it has no page of its own. */
export const restreams: Feature = { name: "restreams" };
