/** A choice of what streams or advertisements are about. */
import { t } from "./words";

export const LABELS = ["adult", "alcohol", "drugs", "gambling", "language", "politics", "religion", "violence", "warned"] as const;
export type Label = (typeof LABELS)[number];

interface Props {
  legend: string;
  name: string;
  chosen: readonly string[];
  only?: readonly Label[];
}

export function Labels({ legend, name, chosen, only = LABELS }: Props) {
  return (
    <fieldset class="ads-labels">
      <legend>{legend}</legend>
      {only.map((one) => (
        <label key={one}>
          <input type="checkbox" name={name} value={one} defaultChecked={chosen.includes(one)} /> {t(one)}
        </label>
      ))}
    </fieldset>
  );
}

export const labelsIn = (data: FormData, name: string): Label[] => data.getAll(name).map(String) as Label[];

/** Words that a person has parted by commas, of either writing. */
export const wordsIn = (text: string): string[] =>
  text
    .split(/[,،]/)
    .map((word) => word.trim())
    .filter(Boolean);
