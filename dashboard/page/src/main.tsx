import { Component, type ComponentChildren, render } from "preact";
import { App } from "./app";

/** Faults keeps a fault of the page from being a blank one. */
class Faults extends Component<{ children: ComponentChildren }, { fault: string }> {
  state = { fault: "" };
  static getDerivedStateFromError = (e: unknown) => ({ fault: String(e) });
  render() {
    if (!this.state.fault) return this.props.children;
    return <main><h1>This page has a fault</h1><p class="trouble" role="alert">{this.state.fault}</p>
      <p>The controller goes on without it, and <code>skynet status</code> tells the same. <button type="button" onClick={() => location.reload()}>Load it again</button></p></main>;
  }
}

const page = document.getElementById("page")!;
page.replaceChildren();
render(<Faults><App /></Faults>, page);
