import { t } from "./words";

export const VISIBILITIES = ["public", "unlisted", "followers", "private"] as const;

export type Visibility = (typeof VISIBILITIES)[number];

export function VisibilityOptions({ chosen }: { chosen?: Visibility }) {
  return (
    <>
      {VISIBILITIES.map((one) => (
        <option key={one} value={one} selected={one === chosen}>
          {t(one)}
        </option>
      ))}
    </>
  );
}
