import type { ComponentChildren, Ref } from "preact";

interface Props {
  look?: "default" | "primary" | "subtle";
  /** The accessible name; it contains the text on the button and names the issue. */
  label: string;
  /** Cannot be used now. It keeps the focus, which a `disabled` button would lose. */
  off?: boolean;
  buttonRef?: Ref<HTMLButtonElement>;
  onClick?: () => void;
  children: ComponentChildren;
}

export function Button({ look = "default", label, off = false, buttonRef, onClick, children }: Props) {
  return (
    <button
      type="button"
      ref={buttonRef}
      class={`button button-${look}`}
      aria-label={label}
      aria-disabled={off}
      onClick={() => {
        if (!off) onClick?.();
      }}
    >
      {children}
    </button>
  );
}
