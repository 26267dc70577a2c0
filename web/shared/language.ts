/** The languages of the pages. */
export type Language = 'en' | 'ko';

/** The link's language (`?lang=ko`), else the browser's first that the pages have, else English. */
export function chooseLanguage(
  search: string = location.search,
  preferred: readonly string[] = navigator.languages,
): Language {
  const requested = new URLSearchParams(search).get('lang');
  for (const tag of [requested, ...preferred]) {
    const language = tag?.toLowerCase().split('-')[0];
    if (language === 'en' || language === 'ko') return language;
  }
  return 'en';
}
