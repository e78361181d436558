/** The code that puts the player on another page, without a browser. */

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);

export const snippetOf = (url: string, title: string): string =>
  `<iframe src="${escaped(url)}" title="${escaped(title)}" width="640" height="360" style="border:0" ` +
  `allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
