import { render } from "preact";
import { resumeSession } from "./api/session";
import { App } from "./app";
import { followIdentity } from "./realtime/socket";
import { startRouter } from "./router";
import "./styles/index.css";

resumeSession();
startRouter();
followIdentity();
const root = document.getElementById("app");
if (root) render(<App />, root);
