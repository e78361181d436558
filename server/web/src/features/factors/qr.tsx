/** A QR code drawn here: what it says reaches nobody else. */
import { encode } from "uqr";

/** Dark modules as one path of unit squares, and the length of a side; with the quiet zone of ISO/IEC 18004. */
export function modulesOf(text: string): { path: string; size: number } {
  const { data, size } = encode(text, { border: 4 });
  const path = data.map((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")).join("")).join("");
  return { path, size };
}

export function QrCode({ text, label }: { text: string; label: string }) {
  const { path, size } = modulesOf(text);
  return (
    <svg class="factors-qr" role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} shape-rendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
