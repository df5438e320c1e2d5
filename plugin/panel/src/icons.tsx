/** The few icons the panel needs, 16 px, in the text's colour. */

function icon(path: string) {
  return () => (
    <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path fill="currentColor" d={path} />
    </svg>
  );
}

export const IconWarning = icon("M8 1.2a1 1 0 0 1 .88.52l6.2 11.3a1 1 0 0 1-.88 1.48H1.8a1 1 0 0 1-.88-1.48l6.2-11.3A1 1 0 0 1 8 1.2ZM7.25 5.5v4h1.5v-4Zm.75 5.25a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z");
export const IconCompare = icon("M2.5 3h5v10h-5A1.5 1.5 0 0 1 1 11.5v-7A1.5 1.5 0 0 1 2.5 3Zm6 0h5A1.5 1.5 0 0 1 15 4.5v7a1.5 1.5 0 0 1-1.5 1.5h-5v-1.5h4.75a.25.25 0 0 0 .25-.25v-6.5a.25.25 0 0 0-.25-.25H8.5Z");
export const IconError = icon("M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm-.75 3.5v4.5h1.5V4.5Zm.75 5.9a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z");
