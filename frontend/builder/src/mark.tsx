import { usePart } from "./store";

/** The icon of a node type, in the colour of its group, which `data-group` around it names. */
export function Mark({ icon }: { icon: string }) {
  const icons = usePart(({ data }) => data.icons);
  return (
    <span className="mark">
      <svg aria-hidden="true">{icon && <use href={`${icons}#${icon}`} />}</svg>
    </span>
  );
}
