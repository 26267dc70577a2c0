/** The languages that the pages speak. */
export type Language = 'en' | 'ko';

/** The language that the link names (`?lang=ko`), else the first that the browser and the page share. */
export function chooseLanguage(
  search: string = location.search,
  preferred: readonly string[] = navigator.languages,
): Language {
  const named = new URLSearchParams(search).get('lang');
  for (const tag of [named, ...preferred]) {
    const language = tag?.toLowerCase().split('-')[0];
    if (language === 'en' || language === 'ko') return language;
  }
  return 'en';
}
