/**
 * The shapes of the public API that this client reads. Those of REST are the server's own, generated from its OpenAPI
 * document into `schema.ts` (`npm run types`); those of the socket's events stand here until they are described as well.
 * Times are RFC 3339, durations seconds unless named `_ms`.
 */
import type { Operations } from "./schema";

export type Answer<Name extends keyof Operations> = Operations[Name]["answer"];
export type Body<Name extends keyof Operations> = Operations[Name]["body"];

export type Stream = Answer<"getStream">;
export type StreamState = Stream["state"];
export type Owner = Stream["owner"];
export type NewStream = Body<"createStream">;
export type StreamChange = Body<"changeStream">;
export type Health = Answer<"getStreamHealth">;
export type Ingest = Answer<"getMyIngest">;

export type Profile = Answer<"getUser">;
export type Me = Answer<"getMe">;
export type TokenPair = Answer<"login">;

export type Cluster = Answer<"getCluster">;
export type ClusterNode = Cluster["nodes"][number];
export type ClusterShard = Cluster["shards"][number];
export type ClusterActor = Cluster["actors"][number];
export type DeadLetter = Cluster["dead_letters"][number];
export type WebrtcPeers = Answer<"getWebrtcPeers">;
export type WebrtcPeer = WebrtcPeers["viewers"][number];
export type Trace = Answer<"getTrace">;

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface ChatUser {
  id: string;
  username: string;
  display_name: string;
  badges: string[];
}

/** A picture of a message in a conversation. */
export interface Attachment {
  id: string;
  kind: string;
  url: string;
  preview_url: string;
  width: number;
  height: number;
  alt: string;
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
  announcement?: boolean;
  edited_at?: string;
  /** Emoji to the ids of who has reacted with it. */
  reactions?: Record<string, string[]>;
  attachments?: Attachment[];
  deleted?: false;
}

/** A deleted message keeps its place in the order and nothing else. */
export interface DeletedMessage {
  id: string;
  offset: number;
  deleted: true;
  /** It was not deleted: its author is blocked by who reads. */
  hidden?: true;
}

export type ChatEntry = ChatMessage | DeletedMessage;

export interface RoomState {
  room_id: string;
  epoch: string;
  offset: number;
  messages: ChatEntry[];
  mode: Record<string, unknown> | null;
  pinned: ChatMessage | null;
  /** What the person who is signed in may do in the room. */
  role?: "owner" | "moderator" | "vip" | "admin" | null;
}
