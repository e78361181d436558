export default {
  language: "Language",
  colours: "Colours",
  system: "Like this device",
  light: "Light",
  dark: "Dark",
} as const;
