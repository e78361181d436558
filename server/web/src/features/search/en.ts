export default {
  title: "Search",
  titleOf: "Search: {words}",
  found: { one: "{n} broadcast found", other: "{n} broadcasts found" },
  nothing: "Nothing was found",
  ask: "What are you looking for?",
  hint: "Broadcasts are found by words of their title, description, category and tags.",
} as const;
