export function Tool() {
  return null;
}
