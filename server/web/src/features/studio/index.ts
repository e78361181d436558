import type { Feature } from "../../feature";

/** Parts that other features put on their pages: camera and microphone, what is sent of them, health. */
export const studio: Feature = { name: "studio" };
