/** The kinds of notifications, in the order in which people are asked about them. */
export const KINDS = {
  mention: "kindMention",
  reply: "kindReply",
  quote: "kindQuote",
  repost: "kindRepost",
  reaction: "kindReaction",
  follow: "kindFollow",
  follow_request: "kindRequest",
  follow_approved: "kindApproved",
  stream_started: "kindStarted",
  stream_scheduled: "kindScheduled",
  stream_reminder: "kindReminder",
  conversation_request: "kindConversation",
  message: "kindMessage",
  community: "kindCommunity",
  webhook_disabled: "kindWebhook",
  recording_expiring: "kindExpiring",
  subscription_unpaid: "kindUnpaid",
  moderation: "kindModeration",
  order: "kindOrder",
  match: "kindMatch",
} as const;

export type Kind = keyof typeof KINDS;

export const CHANNELS = { in_app: "inApp", push: "push", email: "email" } as const;
export type Channel = keyof typeof CHANNELS;

export const names = Object.keys(KINDS) as Kind[];
export const channels = Object.keys(CHANNELS) as Channel[];
