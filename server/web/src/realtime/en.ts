export default {
  notConnected: "You are not connected right now.",
  noAnswer: "The server did not answer in time.",
} as const;
