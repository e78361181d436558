/** The shapes of the public API that this client reads. Times are RFC 3339, durations seconds unless named `_ms`. */

export interface Owner {
  id: string;
  username: string;
  display_name: string;
  avatar_url: string | null;
}

export type StreamState = "scheduled" | "live" | "interrupted" | "ended";
export type Latency = "realtime" | "low" | "normal";

export interface Playback {
  hls: string | null;
  whep: string | null;
  dash: string | null;
  thumbnail: string | null;
  storyboard: string | null;
}

export interface Ingest {
  rtmp_url: string;
  stream_key: string;
  whip_url: string;
}

export interface Stream {
  id: string;
  title: string;
  description: string | null;
  category: string | null;
  tags: string[];
  language: string | null;
  visibility: string;
  latency: Latency;
  owner: Owner;
  state: StreamState;
  viewers: number;
  peak_viewers: number;
  scheduled_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  duration_s: number | null;
  playback: Playback;
  chat: { room_id: string };
  media_time_ms?: number | null;
  ingest?: Ingest;
}

export interface User {
  id: string;
  username: string;
  display_name: string;
  bio: string | null;
  avatar_url: string | null;
  created_at: string;
  counts: { followers: number; following: number; streams: number };
  viewer: { following: boolean; blocked: boolean; muted: boolean } | null;
  /** Of oneself only. */
  roles?: string[];
}

export interface TokenPair {
  user: User;
  access_token: string;
  refresh_token: string;
  token_type: "Bearer";
  expires_in: number;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface NewStream {
  title: string;
  description?: string;
  category?: string;
  tags?: string[];
  latency?: Latency;
  record?: boolean;
}

/** What the server measures of the incoming media; everything may be absent before the first frames. */
export interface Health {
  codec?: string | null;
  width?: number | null;
  height?: number | null;
  fps?: number | null;
  bitrate?: number | null;
  keyframe_interval?: number | null;
  audio_codec?: string | null;
  audio_bitrate?: number | null;
  sample_rate?: number | null;
  channels?: number | null;
  audio?: AudioHealth | string | null;
  dropped_frames?: number | null;
  jitter_ms?: number | null;
  warnings?: (string | { code?: string; message?: string })[];
}

export interface AudioHealth {
  codec?: string | null;
  bitrate?: number | null;
  sample_rate?: number | null;
  channels?: number | null;
}

export interface ChatUser {
  id: string;
  username: string;
  display_name: string;
  badges: string[];
}

export interface ChatMessage {
  id: string;
  offset: number;
  user: ChatUser;
  text: string;
  sent_at: string;
  media_time_ms?: number | null;
  reply_to?: string | null;
  client_id?: string | null;
  deleted?: false;
}

/** A deleted message keeps its place in the order and nothing else. */
export interface DeletedMessage {
  id: string;
  offset: number;
  deleted: true;
}

export type ChatEntry = ChatMessage | DeletedMessage;

export interface RoomState {
  room_id: string;
  epoch: string;
  offset: number;
  messages: ChatEntry[];
  mode: Record<string, unknown> | null;
  pinned: ChatMessage | null;
}

/** A member of the cluster. What it did not answer is null. */
export interface ClusterNode {
  name: string;
  version: string;
  roles: string[];
  started_at: string;
  is_draining: boolean;
  load: number;
  shards: number;
  answers: boolean;
  actors: Record<string, number> | null;
  sockets: number | null;
  media: { pid: number | null; restarts: number; streams: number; whep_viewers: number } | null;
  bus: { sent: number; received: number; gaps: number; is_deaf: boolean } | null;
  dead_letters: number | null;
  rss_bytes: number | null;
  loop_lag_ms: number | null;
}

export interface ClusterShard {
  shard: number;
  node: string | null;
  epoch: number | null;
}

export interface ClusterActor {
  id: string;
  node: string;
  state: string;
  unread: number;
  capacity: number;
  handled: number;
  restarts: number;
  slowest_ms: number;
  slowest_message: string;
  parked_reason: string | null;
}

export interface DeadLetter {
  at: string;
  node: string;
  id: string;
  message: string;
  reason: string;
}

export interface Cluster {
  nodes: ClusterNode[];
  shards: ClusterShard[];
  actors: ClusterActor[];
  dead_letters: DeadLetter[];
}

export interface Trace {
  id: string;
  spans: { name: string; node: string; at: string; duration_ms: number }[];
  silent: string[];
}
