/** The panels of the dashboard, each of which can stand in a window of its own. */
import type { FunctionComponent } from "preact";
import type { Stream } from "../../api/types";
import { StudioChat } from "../studio/chat";
import { HealthPanel } from "../studio/health";
import { Alerts } from "./alert-list";
import { Queue } from "./queue";
import { Viewers } from "./viewers";
import { t } from "./words";
import "../studio/studio.css";

export interface PanelProps {
  stream: Stream;
  onAir: boolean;
}

export interface Panel {
  readonly name: "health" | "viewers" | "chat" | "queue" | "alerts";
  readonly Content: FunctionComponent<PanelProps>;
  /** It has a frame and a heading of its own. */
  readonly isFramed?: boolean;
  /** It is also of use after the end. */
  readonly isOfThePast?: boolean;
}

export const PANELS: readonly Panel[] = [
  { name: "health", Content: ({ stream, onAir }) => <HealthPanel key={stream.id} streamId={stream.id} active={onAir} />, isFramed: true },
  { name: "viewers", Content: Viewers, isOfThePast: true },
  { name: "alerts", Content: Alerts },
  { name: "queue", Content: Queue },
  { name: "chat", Content: ({ stream }) => <StudioChat key={stream.id} stream={stream} />, isFramed: true },
];

export const panelNamed = (name: string): Panel | undefined => PANELS.find((panel) => panel.name === name);

export const titleOf = ({ name }: Panel): string => t(name);
