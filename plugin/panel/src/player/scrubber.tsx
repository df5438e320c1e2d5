/** One slider for both clips, with the matching moment marked on its track. */

import type { Span } from "../answer";

interface Props {
  time: number;
  extent: Span;
  moment: Span | null;
  valueText: string;
  onInput: (time: number) => void;
}

export function Scrubber({ time, extent: [first, last], moment, valueText, onInput }: Props) {
  const percent = (at: number) => `${(100 * (at - first)) / Math.max(last - first, 1e-9)}%`;
  const width = ([start, end]: Span) => `${(100 * (end - start)) / Math.max(last - first, 1e-9)}%`;
  return (
    <div class="scrubber">
      <svg class="scrubber-track" aria-hidden="true">
        <rect class="scrubber-all" x="0" width="100%" height="4" y="0" rx="2" />
        {moment && (
          <rect class="scrubber-moment" x={percent(moment[0])} width={width(moment)} height="4" rx="2" />
        )}
        <rect class="scrubber-zero" x={percent(0)} width="2" height="10" y="-3" />
      </svg>
      <input
        type="range"
        class="scrubber-input"
        aria-label="Position in both clips"
        aria-valuetext={valueText}
        min={first}
        max={last}
        step="any"
        value={time}
        onInput={({ currentTarget }) => onInput(currentTarget.valueAsNumber)}
      />
    </div>
  );
}
