/** The clip of a match on its own: this issue has no clip to compare it with. */

import type { Clip } from "./answer";
import { nearestPicture, pictureName } from "@player/clock.js";
import { webAddress } from "./text";

interface Props {
  clip: Clip;
  /** Whose clip it is: an issue's key. */
  of: string;
  onMediaError: () => void;
}

/** The browser's own player; a frame until the preview is ready. */
export function LoneClip({ clip, of, onMediaError }: Props) {
  const media = webAddress(clip.media);
  const middle = nearestPicture(clip.times, clip.duration / 2);
  if (!media || middle === null) return <p class="lone-note">This clip could not be loaded.</p>;
  const picture = `${media}/${pictureName(middle)}`;
  return (
    <div class="lone-clip">
      {clip.video === "ready" ? (
        <video
          key={media}
          src={`${media}/video.mp4`}
          poster={picture}
          controls
          muted
          loop
          playsInline
          preload="metadata"
          aria-label={`Clip of ${of}`}
          onError={onMediaError}
        />
      ) : (
        <img src={picture} alt={`Clip of ${of}`} draggable={false} onError={onMediaError} />
      )}
      <p class="small-print">
        {clip.filename}
        {clip.video === "preparing" && ", the preview is being generated"}
      </p>
    </div>
  );
}
