import { Component, type ComponentChildren } from "preact";
import { Empty } from "../ui/parts";
import { t } from "./words";

/** A page that breaks leaves the header and a way out. */
export class Boundary extends Component<{ children: ComponentChildren }, { broken: boolean }> {
  override state = { broken: false };

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ broken: true });
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <div class="page centred">
        <Empty title={t("broken")}>
          <p>{t("brokenText")}</p>
          <button type="button" class="button accent" onClick={() => location.reload()}>
            {t("loadAgain")}
          </button>
        </Empty>
      </div>
    );
  }
}
