export default {
  overlays: "Overlays",
  explained: "Pages without a background for a browser source of OBS, about 400 × 600. Whoever has an address can read your chat and alerts with it, and do nothing.",
  chat: "Chat",
  alerts: "Alerts",
  poll: "Poll",
  newKey: "New addresses",
  confirmNewKey: "The addresses until now stop at once. Make new ones?",
  newKeyReady: "New addresses are there.",
  votes: { one: "1 vote", other: "{n} votes" },
  followed: "{name} follows you",
  raided: { one: "{name} comes with one viewer", other: "{name} comes with {n} viewers" },
  redeemed: "{name} takes “{title}”",
} as const;
