import type { Feature } from "../../feature";

/** Panels of the studio: what is on the air without an encoder, and while it is away. They have no page of their own. */
export const sources: Feature = { name: "sources" };
