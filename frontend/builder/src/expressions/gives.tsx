import { preview, secretsIn, type Known } from "./known";
import { useMissingSecrets } from "./secrets";
import { shown } from "./shown";

/** What a text with expressions gives, with values of the newest calls; secrets are never shown. */
export function Gives({ text, known }: { text: string; known: Known[] }) {
  const result = preview(text, known);
  const { missing, page } = useMissingSecrets(secretsIn(text));
  if (!result) return null;
  return (
    <>
      <p className={`gives is-${result.kind}`}>
        {"value" in result ? (
          <>
            Gives <code>{shown(result.value, 160)}</code>
            {result.kind === "secret" && " A secret is never shown."}
          </>
        ) : (
          result.says
        )}
      </p>
      {missing.map((name) => (
        <p key={name} className="gives">
          <a href={`${page}?name=${encodeURIComponent(name)}#new-secret`} target="_blank" rel="noopener">
            Add the secret {name} to the server
          </a>
        </p>
      ))}
    </>
  );
}
