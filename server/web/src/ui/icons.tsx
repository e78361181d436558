/** The client's own icons: 24-unit grid, drawn with strokes in the text's colour. */
import type { ComponentChildren } from "preact";

function Icon({ children, solid = false }: { children: ComponentChildren; solid?: boolean }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
      fill={solid ? "currentColor" : "none"}
      stroke={solid ? "none" : "currentColor"}
      stroke-width="1.9"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      {children}
    </svg>
  );
}

const stroke = (d: string) => () => (
  <Icon>
    <path d={d} />
  </Icon>
);
const fill = (d: string) => () => (
  <Icon solid>
    <path d={d} />
  </Icon>
);

export const PlayIcon = fill("M7.5 4.6v14.8a1 1 0 0 0 1.53.85l11.7-7.4a1 1 0 0 0 0-1.7L9.03 3.75A1 1 0 0 0 7.5 4.6Z");
export const PauseIcon = fill("M7 4h3.2v16H7zM13.8 4H17v16h-3.2z");
export const StopIcon = fill("M7.5 6h9A1.5 1.5 0 0 1 18 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 6 16.5v-9A1.5 1.5 0 0 1 7.5 6Z");
export const VolumeIcon = stroke("M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11");
export const BellIcon = stroke("M6 16.8V11a6 6 0 0 1 12 0v5.8l1.4 1.7H4.6L6 16.8ZM10.2 21.3a2 2 0 0 0 3.6 0");
export const MessageIcon = stroke("M5.5 5h13A1.5 1.5 0 0 1 20 6.5v9a1.5 1.5 0 0 1-1.5 1.5H11l-4.5 3.5V17h-1A1.5 1.5 0 0 1 4 15.5v-9A1.5 1.5 0 0 1 5.5 5ZM8 9.2h8M8 12.8h5");
export const MutedIcon = stroke("M4 9.5v5h3.5L12 18.5v-13L7.5 9.5H4ZM16 9.5l5 5M21 9.5l-5 5");
export const FullscreenIcon = stroke("M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9M15 4h3.5A1.5 1.5 0 0 1 20 5.5V9M20 15v3.5a1.5 1.5 0 0 1-1.5 1.5H15M9 20H5.5A1.5 1.5 0 0 1 4 18.5V15");
export const ShrinkIcon = stroke("M9 4v3.5A1.5 1.5 0 0 1 7.5 9H4M20 9h-3.5A1.5 1.5 0 0 1 15 7.5V4M15 20v-3.5a1.5 1.5 0 0 1 1.5-1.5H20M4 15h3.5A1.5 1.5 0 0 1 9 16.5V20");
export const PipIcon = stroke("M4 6.5A1.5 1.5 0 0 1 5.5 5h13A1.5 1.5 0 0 1 20 6.5V11M4 6.5v10A1.5 1.5 0 0 0 5.5 18H10M13 14h7.5v5.5H13z");
export const GearIcon = stroke("M4 7h9M17 7h3M4 17h3M11 17h9M13 7a2 2 0 1 0 4 0 2 2 0 0 0-4 0ZM7 17a2 2 0 1 0 4 0 2 2 0 0 0-4 0Z");
export const EyeIcon = stroke("M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM9.3 12a2.7 2.7 0 1 0 5.4 0 2.7 2.7 0 0 0-5.4 0Z");
export const EyeOffIcon = stroke("M4 4l16 16M9.9 5.8A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-3 3.7M6.2 7.4A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9 9 0 0 0 3.8-.8M10 10.2a2.7 2.7 0 0 0 3.8 3.7");
export const ClipIcon = stroke("M8.2 8.2 19 19M8.2 15.8 19 5M6 8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM6 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z");
export const ShareIcon = stroke("M12 15V4M8 7.5 12 3.5l4 4M6 12H5.5A1.5 1.5 0 0 0 4 13.5v5A1.5 1.5 0 0 0 5.5 20h13a1.5 1.5 0 0 0 1.5-1.5v-5a1.5 1.5 0 0 0-1.5-1.5H18");
export const CopyIcon = stroke("M9 9.5A1.5 1.5 0 0 1 10.5 8h8A1.5 1.5 0 0 1 20 9.5v9a1.5 1.5 0 0 1-1.5 1.5h-8A1.5 1.5 0 0 1 9 18.5zM15 8V5.5A1.5 1.5 0 0 0 13.5 4h-8A1.5 1.5 0 0 0 4 5.5v8A1.5 1.5 0 0 0 5.5 15H9");
export const RefreshIcon = stroke("M19.5 12a7.5 7.5 0 1 1-2.4-5.5M19.5 3.5v4h-4");
export const CheckIcon = stroke("m5 12.5 4.5 4.5L19 7.5");
export const CloseIcon = stroke("M6 6l12 12M18 6 6 18");
export const SendIcon = stroke("M4.5 12h7M4 4.5 20.5 12 4 19.5l2-7.5z");
export const ReplyIcon = stroke("M9.5 7 4.5 12l5 5M5 12h8.5a6 6 0 0 1 6 6v.5");
export const TrashIcon = stroke("M4.5 7h15M10 7V4.5h4V7M6.5 7l.8 12.5h9.4L17.5 7M10.5 11v5M13.5 11v5");
export const CameraIcon = stroke("M4.5 7h9A1.5 1.5 0 0 1 15 8.5v7a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 15.5v-7A1.5 1.5 0 0 1 4.5 7ZM15 11l6-3.5v9L15 13");
export const PictureIcon = stroke("M5.5 5h13A1.5 1.5 0 0 1 20 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5v-11A1.5 1.5 0 0 1 5.5 5ZM4 16l4.5-4.5 7 7M13.5 16.5 16 14l4 4M14.5 9.5h.2");
export const ScreenIcon = stroke("M4.5 4.5h15A1.5 1.5 0 0 1 21 6v9.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 15.5V6a1.5 1.5 0 0 1 1.5-1.5ZM8.5 20.5h7M12 17v3.5");
export const CallIcon = stroke("M6.2 3.8h2.6l1.5 4-2 1.5a12 12 0 0 0 6.4 6.4l1.5-2 4 1.5v2.6a1.9 1.9 0 0 1-2 1.9A15.9 15.9 0 0 1 4.3 5.8a1.9 1.9 0 0 1 1.9-2Z");
export const HangUpIcon = stroke("M3 14.5v-1.3C3 10.5 7 8.5 12 8.5s9 2 9 4.7v1.3l-4.5 1.3-1-2.8a12 12 0 0 0-7 0l-1 2.8Z");
export const CameraOffIcon = stroke("M4 4l16 16M9 7h4.5A1.5 1.5 0 0 1 15 8.5V12M15 15.5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 15.5v-7A1.5 1.5 0 0 1 4.5 7M15 11l6-3.5v9l-3-1.7");
export const MicIcon = stroke("M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3ZM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3");
export const MicOffIcon = stroke("M4 4l16 16M9 9v2.5a3 3 0 0 0 4.6 2.5M15 11.5v-5a3 3 0 0 0-5.7-1.3M5.5 11.5a6.5 6.5 0 0 0 10.3 5.3M18.3 13a6.5 6.5 0 0 0 .2-1.5M12 18v3");
export const SunIcon = stroke("M8 12a4 4 0 1 0 8 0 4 4 0 0 0-8 0ZM12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M18.4 5.6l-1.1 1.1M6.7 17.3l-1.1 1.1");
export const MoonIcon = stroke("M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z");
export const SmileIcon = stroke("M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 0 0-17 0ZM8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.5M15 9.5v.5");
export const ChevronIcon = stroke("m6 9.5 6 6 6-6");
export const AlertIcon = stroke("M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.2");
export const BroadcastIcon = stroke("M10.3 12a1.7 1.7 0 1 0 3.4 0 1.7 1.7 0 0 0-3.4 0ZM7.5 16.5a6.3 6.3 0 0 1 0-9M16.5 7.5a6.3 6.3 0 0 1 0 9M4.7 19.3a10.3 10.3 0 0 1 0-14.6M19.3 4.7a10.3 10.3 0 0 1 0 14.6");
export const GaugeIcon = stroke("M4.5 18.5a9 9 0 1 1 15 0M12 14l4-5M11 14.5a1.2 1.2 0 1 0 2.4 0 1.2 1.2 0 0 0-2.4 0Z");
export const UserIcon = stroke("M8 8a4 4 0 1 0 8 0 4 4 0 0 0-8 0ZM4.5 20.5a7.5 7.5 0 0 1 15 0");
export const PeopleIcon = stroke("M5.5 8.5a3 3 0 1 0 6 0 3 3 0 0 0-6 0ZM3 19a5.5 5.5 0 0 1 11 0M14.5 5.8a3 3 0 0 1 0 5.4M16 13.8a5.5 5.5 0 0 1 5 5.2");
export const DownIcon = stroke("M12 4.5v15M6 13.5l6 6 6-6");
export const HomeIcon = stroke("M4 11.2 12 4.5l8 6.7v7.3a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18.5zM9.5 20v-6h5v6");
export const SearchIcon = stroke("M4.5 10.5a6 6 0 1 0 12 0 6 6 0 0 0-12 0ZM15 15l4.5 4.5");
export const ServerIcon = stroke("M5.5 4.5h13A1.5 1.5 0 0 1 20 6v4a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 10V6a1.5 1.5 0 0 1 1.5-1.5ZM5.5 12.5h13A1.5 1.5 0 0 1 20 14v4a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 18v-4a1.5 1.5 0 0 1 1.5-1.5ZM7.5 8v.2M7.5 16v.2");

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="9" fill="#c6f24e" />
      <path
        d="M5.5 20.5c4.2 0 4.2-9 8.4-9s4.2 9 8.4 9c1.7 0 2.7-1.4 3.6-3.2"
        fill="none"
        stroke="#131a05"
        stroke-width="3.4"
        stroke-linecap="round"
      />
      <circle cx="24.6" cy="9.4" r="3.1" fill="#131a05" />
    </svg>
  );
}
export const BagIcon = stroke("M5.5 8h13l1 12h-15zM9 10.5V7a3 3 0 0 1 6 0v3.5");
export const HelpIcon = stroke("M3.5 12a8.5 8.5 0 1 0 17 0 8.5 8.5 0 0 0-17 0ZM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1 1-1.1 1.8M12 16.5v.2");
export const AssistantIcon = stroke("M5 4.5h14a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-7l-4.5 3.5v-3.5H5A1.5 1.5 0 0 1 3.5 15V6A1.5 1.5 0 0 1 5 4.5ZM12 7l1 2.5 2.5 1-2.5 1-1 2.5-1-2.5-2.5-1 2.5-1Z");
export const PinIcon = stroke("M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11ZM9.7 10a2.3 2.3 0 1 0 4.6 0 2.3 2.3 0 0 0-4.6 0Z");
export const MoreIcon = stroke("M4.5 7h15M4.5 12h15M4.5 17h15");
export const PlotIcon = stroke("M4.5 4.5v15h15M8 15.5l3.5-5 3 2.5 4.5-6.5");
