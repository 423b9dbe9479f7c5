import { useDesk, useUi, type View } from "./desk";

const WORDS: [View, string][] = [
  ["canvas", "Canvas"],
  ["outline", "Outline"],
  ["json", "JSON"],
];

/** The other ways in which the draft can be shown. */
export function Views({ className }: { className?: string }) {
  const desk = useDesk();
  const view = useUi((state) => state.view);
  return WORDS.filter(([each]) => each !== view).map(([each, word], index) => (
    <button key={each} type="button" className={className} autoFocus={desk.hasTurned && index === 0} onClick={() => desk.look(each)}>
      {word}
    </button>
  ));
}
