import { randomId } from "../../api/locks";
import { call } from "../../api/session";
import type { Answer, Body, Page } from "../../api/types";

const part = encodeURIComponent;

export type Post = Answer<"createPost">["post"];
export type SinglePost = NonNullable<Post["quoted"]>;
export type Deleted = { id: string; deleted: true };
export type AnyPost = Post | Deleted;
export type Thread = { ancestors: AnyPost[]; post: AnyPost };
export type NewPost = Body<"createPost">;
export type Kind = "posts" | "replies" | "media";
export type Folder = Answer<"addBookmarkFolder">;
export type Draft = Answer<"addDraft">;
export type Edit = Answer<"listEdits">["items"][number];

export const isDeleted = (post: AnyPost): post is Deleted => "deleted" in post;

const paged = (path: string, cursor: string): string => `${path}${path.includes("?") ? "&" : "?"}limit=20${cursor && `&cursor=${cursor}`}`;

export const createPost = (body: NewPost): Promise<Answer<"createPost">> =>
  call("/posts", { method: "POST", body, headers: { "Idempotency-Key": randomId() } });
export const changePost = (id: string, body: Body<"changePost">): Promise<AnyPost> => call(`/posts/${part(id)}`, { method: "PATCH", body });
export const deletePost = (id: string): Promise<void> => call(`/posts/${part(id)}`, { method: "DELETE" });
export const getPost = (id: string): Promise<AnyPost> => call(`/posts/${part(id)}`);
export const getThread = (id: string): Promise<Thread> => call(`/posts/${part(id)}/thread`);
export const videoOf = (id: string): Promise<Answer<"getVideo">> => call(`/videos/${part(id)}`);
export const postOfVideo = (videoId: string): Promise<AnyPost> => call(`/videos/${part(videoId)}/post`);
export const postVideo = (videoId: string): Promise<Answer<"postVideo">> => call(`/videos/${part(videoId)}/post`, { method: "PUT" });
export const repliesOf = (id: string, cursor: string): Promise<Page<AnyPost>> => call(paged(`/posts/${part(id)}/replies`, cursor));
export const editsOf = (id: string): Promise<Page<Edit>> => call(`/posts/${part(id)}/edits?limit=100`);
export const postsOf = (username: string, kind: Kind, cursor: string): Promise<Answer<"listPostsOfUser">> =>
  call(paged(`/users/${part(username)}/posts?kind=${kind}`, cursor));
export const bookmarks = (folder: string, cursor: string): Promise<Page<Post>> =>
  call(paged(`/me/bookmarks${folder && `?folder=${folder}`}`, cursor));
export const folders = (): Promise<{ items: Folder[] }> => call("/me/bookmark-folders");
export const addFolder = (name: string): Promise<Folder> => call("/me/bookmark-folders", { method: "POST", body: { name } });
export const dropFolder = (id: string): Promise<void> => call(`/me/bookmark-folders/${part(id)}`, { method: "DELETE" });

const method = (isOn: boolean): "PUT" | "DELETE" => (isOn ? "PUT" : "DELETE");

export const setReaction = (id: string, emoji: string, isOn: boolean): Promise<void> =>
  call(`/posts/${part(id)}/reactions/${part(emoji)}`, { method: method(isOn) });
export const setRepost = (id: string, isOn: boolean): Promise<void> => call(`/posts/${part(id)}/repost`, { method: method(isOn) });
export const setBookmark = (id: string, isOn: boolean, folder?: string): Promise<void> =>
  call(`/posts/${part(id)}/bookmark`, { method: method(isOn), ...(isOn && folder ? { body: { folder } } : {}) });
export const setPin = (id: string, isOn: boolean): Promise<void> => call(`/posts/${part(id)}/pin`, { method: method(isOn) });
export const withdrawQuote = (id: string): Promise<void> => call(`/posts/${part(id)}/quote`, { method: "DELETE" });
export const vote = (id: string, options: number[]): Promise<AnyPost> =>
  call(`/posts/${part(id)}/poll/vote`, { method: "PUT", body: { options } });
