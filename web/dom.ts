// Elements. Text is always text: nothing that a file says becomes markup.

type Child = Node | string | null | undefined | false;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, string | boolean | ((e: any) => void)> = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") e.addEventListener(name, value);
    else if (value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c): c is Node | string => c != null && c !== false));
  return e;
}

/** colour reads one of the style sheet's. */
export const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
