import type { ComponentChildren } from "preact";

import { openInNewTab } from "./bridge";
import { webAddress } from "./text";

interface Props {
  url: string | null;
  class?: string;
  children: ComponentChildren;
}

/**
 * A link that opens in a new tab; plain text where the address is not a web address. A click goes
 * through Jira's router, because Jira's frame forbids pop-ups.
 */
export function ExternalLink({ url, class: className, children }: Props) {
  const address = webAddress(url);
  if (!address) return <span class={className}>{children}</span>;
  return (
    <a
      class={`link ${className ?? ""}`}
      href={address}
      target="_blank"
      rel="noopener noreferrer"
      onClick={(event) => {
        event.preventDefault();
        void openInNewTab(address);
      }}
    >
      {children}
    </a>
  );
}
