export default {
  chapters: "Chapters",
  add: "Mark this moment",
  label: "What happens here?",
  added: "The moment is marked.",
  remove: "Delete “{label}”",
} as const;
