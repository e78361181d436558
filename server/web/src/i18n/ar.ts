/** All of the Arabic messages, by catalogue: one chunk, fetched where the page speaks Arabic. */
import api from "../api/ar";
import ads from "../features/ads/ar";
import appearance from "../features/appearance/ar";
import account from "../features/account/ar";
import assistant from "../features/assistant/ar";
import audit from "../features/audit/ar";
import clips from "../features/clips/ar";
import communities from "../features/communities/ar";
import courses from "../features/courses/ar";
import dashboard from "../features/dashboard/ar";
import directory from "../features/directory/ar";
import calls from "../features/calls/ar";
import chat from "../features/chat/ar";
import cluster from "../features/cluster/ar";
import emotes from "../features/emotes/ar";
import exports from "../features/exports/ar";
import factors from "../features/factors/ar";
import feed from "../features/feed/ar";
import filters from "../features/filters/ar";
import golive from "../features/golive/ar";
import help from "../features/help/ar";
import home from "../features/home/ar";
import insight from "../features/insight/ar";
import jobs from "../features/jobs/ar";
import library from "../features/library/ar";
import local from "../features/local/ar";
import mail from "../features/mail/ar";
import objects from "../features/objects/ar";
import market from "../features/market/ar";
import markers from "../features/markers/ar";
import messages from "../features/messages/ar";
import notifications from "../features/notifications/ar";
import overlays from "../features/overlays/ar";
import overview from "../features/overview/ar";
import people from "../features/people/ar";
import player from "../features/player/ar";
import projects from "../features/projects/ar";
import recordings from "../features/recordings/ar";
import posts from "../features/posts/ar";
import restreams from "../features/restreams/ar";
import sources from "../features/sources/ar";
import money from "../features/money/ar";
import rooms from "../features/rooms/ar";
import safety from "../features/safety/ar";
import search from "../features/search/ar";
import stage from "../features/stage/ar";
import streams from "../features/streams/ar";
import studio from "../features/studio/ar";
import tokens from "../features/tokens/ar";
import trends from "../features/trends/ar";
import watch from "../features/watch/ar";
import webhooks from "../features/webhooks/ar";
import wellbeing from "../features/wellbeing/ar";
import works from "../features/works/ar";
import realtime from "../realtime/ar";
import shell from "../shell/ar";
import ui from "../ui/ar";

export default {
  account,
  ads,
  api,
  appearance,
  assistant,
  audit,
  calls,
  chat,
  clips,
  cluster,
  communities,
  courses,
  dashboard,
  directory,
  emotes,
  exports,
  factors,
  feed,
  filters,
  golive,
  help,
  home,
  insight,
  jobs,
  library,
  local,
  mail,
  objects,
  market,
  markers,
  messages,
  notifications,
  overlays,
  overview,
  people,
  player,
  posts,
  projects,
  realtime,
  recordings,
  restreams,
  sources,
  money,
  rooms,
  safety,
  search,
  shell,
  stage,
  streams,
  studio,
  tokens,
  trends,
  ui,
  watch,
  webhooks,
  wellbeing,
  works,
};
