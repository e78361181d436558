/** The features of the page, in the order of their entries. What is not in this list is not there. */
import type { Feature } from "../feature";
import { account } from "./account";
import { ads } from "./ads";
import { appearance } from "./appearance";
import { assistant } from "./assistant";
import { audit } from "./audit";
import { calls } from "./calls";
import { chat } from "./chat";
import { cluster } from "./cluster";
import { clips } from "./clips";
import { communities } from "./communities";
import { courses } from "./courses";
import { dashboard } from "./dashboard";
import { directory } from "./directory";
import { embeds } from "./embeds";
import { emotes } from "./emotes";
import { exports } from "./exports";
import { factors } from "./factors";
import { feed } from "./feed";
import { filters } from "./filters";
import { golive } from "./golive";
import { help } from "./help";
import { home } from "./home";
import { insight } from "./insight";
import { jobs } from "./jobs";
import { library } from "./library";
import { local } from "./local";
import { mail } from "./mail";
import { objects } from "./objects";
import { market } from "./market";
import { markers } from "./markers";
import { messages } from "./messages";
import { money } from "./money";
import { notifications } from "./notifications";
import { overlays } from "./overlays";
import { overview } from "./overview";
import { people } from "./people";
import { player } from "./player";
import { projects } from "./projects";
import { recordings } from "./recordings";
import { posts } from "./posts";
import { restreams } from "./restreams";
import { rooms } from "./rooms";
import { safety } from "./safety";
import { search } from "./search";
import { sources } from "./sources";
import { stage } from "./stage";
import { streams } from "./streams";
import { studio } from "./studio";
import { tokens } from "./tokens";
import { trends } from "./trends";
import { watch } from "./watch";
import { webhooks } from "./webhooks";
import { wellbeing } from "./wellbeing";
import { works } from "./works";

export const features: readonly Feature[] = [
  home,
  overview,
  feed,
  communities,
  search,
  streams,
  player,
  chat,
  watch,
  embeds,
  studio,
  golive,
  dashboard,
  insight,
  restreams,
  stage,
  sources,
  recordings,
  calls,
  people,
  posts,
  clips,
  library,
  markers,
  messages,
  notifications,
  rooms,
  money,
  ads,
  courses,
  projects,
  market,
  local,
  assistant,
  help,
  wellbeing,
  account,
  factors,
  tokens,
  webhooks,
  works,
  exports,
  filters,
  emotes,
  appearance,
  directory,
  trends,
  safety,
  audit,
  cluster,
  jobs,
  mail,
  objects,
  overlays,
];
