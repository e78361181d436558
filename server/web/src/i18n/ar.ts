/** All of the Arabic messages, by catalogue: one chunk, fetched where the page speaks Arabic. */
import api from "../api/ar";
import appearance from "../features/appearance/ar";
import account from "../features/account/ar";
import audit from "../features/audit/ar";
import clips from "../features/clips/ar";
import directory from "../features/directory/ar";
import chat from "../features/chat/ar";
import cluster from "../features/cluster/ar";
import exports from "../features/exports/ar";
import factors from "../features/factors/ar";
import home from "../features/home/ar";
import jobs from "../features/jobs/ar";
import mail from "../features/mail/ar";
import markers from "../features/markers/ar";
import notifications from "../features/notifications/ar";
import people from "../features/people/ar";
import player from "../features/player/ar";
import restreams from "../features/restreams/ar";
import search from "../features/search/ar";
import streams from "../features/streams/ar";
import studio from "../features/studio/ar";
import tokens from "../features/tokens/ar";
import watch from "../features/watch/ar";
import realtime from "../realtime/ar";
import shell from "../shell/ar";
import ui from "../ui/ar";

export default { account, api, audit, directory, appearance, chat, clips, cluster, exports, factors, home, jobs, mail, markers, notifications, people, player, realtime, restreams, search, shell, streams, studio, tokens, ui, watch };
