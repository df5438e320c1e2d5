import { render } from "preact";

import "./style/tokens.css";
import "./style/base.css";
import "./style/panel.css";
import "@player/player.css";
import { App } from "./app";

const root = document.getElementById("panel");
if (root) render(<App />, root);
