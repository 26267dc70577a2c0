import { useState } from 'preact/hooks';
import { FILTER_STATUSES, type Filter, isSearch, NO_FILTER, TROUBLES } from './fleet_view.js';
import { statusText, type Texts } from './texts.js';

interface Props {
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
  readonly t: Texts;
}

/** The filters: beginning of an id, statuses, and problems (late, stale, offline). */
export function FilterBar({ filter, onFilter, t }: Props) {
  const [search, setSearch] = useState(filter.search);
  const isValid = isSearch(search);
  const onType = (text: string) => {
    setSearch(text);
    if (isSearch(text)) onFilter({ ...filter, search: text });
  };
  const clear = () => {
    setSearch('');
    onFilter(NO_FILTER);
  };
  return (
    <search class="filter">
      <label>
        {t.search}
        <input
          type="search"
          value={search}
          autocomplete="off"
          spellcheck={false}
          aria-invalid={!isValid}
          aria-describedby={isValid ? undefined : 'search-hint'}
          onInput={(event) => onType(event.currentTarget.value.trim())}
        />
      </label>
      {!isValid && (
        <p id="search-hint" role="alert">
          {t.searchHint}
        </p>
      )}
      <fieldset>
        <legend>{t.troubleLabel}</legend>
        {TROUBLES.map((trouble) => (
          <label key={trouble}>
            <input
              type="checkbox"
              name={trouble}
              checked={filter.troubles.includes(trouble)}
              onChange={() => onFilter({ ...filter, troubles: toggled(filter.troubles, trouble) })}
            />
            {t.trouble[trouble]}
          </label>
        ))}
      </fieldset>
      <details>
        <summary>
          {t.statusLabel}
          {filter.statuses.length > 0 && ` (${filter.statuses.length})`}
        </summary>
        <fieldset aria-label={t.statusLabel}>
          {FILTER_STATUSES.map((status) => (
            <label key={status}>
              <input
                type="checkbox"
                name={status}
                checked={filter.statuses.includes(status)}
                onChange={() => onFilter({ ...filter, statuses: toggled(filter.statuses, status) })}
              />
              {statusText(status, t)}
            </label>
          ))}
        </fieldset>
      </details>
      {filter !== NO_FILTER && (
        <button type="button" onClick={clear}>
          {t.clear}
        </button>
      )}
    </search>
  );
}

function toggled<T>(chosen: readonly T[], one: T): readonly T[] {
  return chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one];
}
