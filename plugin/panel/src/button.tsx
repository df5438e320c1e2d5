import type { ComponentChildren, Ref } from "preact";

interface Props {
  look?: "default" | "primary" | "subtle" | "danger" | "done";
  /** The accessible name; it contains the text on the button and names the issue. */
  label: string;
  /** Cannot be used now. It keeps the focus, which a `disabled` button would lose. */
  off?: boolean;
  expanded?: boolean;
  buttonRef?: Ref<HTMLButtonElement>;
  class?: string;
  onClick?: () => void;
  children: ComponentChildren;
}

export function Button({ look = "default", label, off = false, expanded, buttonRef, onClick, children, ...rest }: Props) {
  return (
    <button
      type="button"
      ref={buttonRef}
      class={`button button-${look} ${rest.class ?? ""}`}
      aria-label={label}
      aria-disabled={off}
      aria-expanded={expanded}
      onClick={() => {
        if (!off) onClick?.();
      }}
    >
      {children}
    </button>
  );
}
