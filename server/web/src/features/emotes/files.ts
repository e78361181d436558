/** Files that are taken for emotes and badges. */
export const TYPES = "image/png,image/webp,image/gif";
