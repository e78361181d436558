export default {
  about: "What many people use stands under Trends. Hide a hashtag from there, or allow it whoever uses it.",
  none: "Nobody has used a hashtag lately",
  list: "Hashtags by their use",
  people: { one: "{n} person today", other: "{n} people today" },
  hide: "Hide",
  allow: "Allow",
  undo: "Leave it to its use",
  hidden: "Hidden",
  allowed: "Allowed",
  actOn: "{act}: the hashtag {tag}",
} as const;
