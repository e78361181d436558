import type { Feature } from "../../feature";

/** A part that other features put on their pages. */
export const markers: Feature = { name: "markers" };
