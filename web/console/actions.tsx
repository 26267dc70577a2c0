import { useRef, useState } from 'preact/hooks';
import {
  DECLARATIONS,
  type Declaration,
  FAILURE_CODES,
  type Failure,
  type FailureCode,
  type Service,
} from './service.js';
import type { Texts } from './texts.js';

const DONE = ['linkCopied', 'linkCreated', 'declared', 'reassigned'] as const;
type Done = (typeof DONE)[number];
type Outcome = Failure | Done;

interface Props {
  readonly deliveryId: string;
  readonly truckId: string;
  /** The trucks in view, as suggestions. */
  readonly truckIds: readonly string[];
  readonly service: Service;
  /** Lets the dispatcher choose a truck on the map or in the list; null without a map. */
  readonly pickTruck: ((onPick: (truckId: string) => void) => void) | null;
  readonly t: Texts;
}

/** A dispatcher's actions on a delivery: share, reassign, and declare events such as a failure. */
export function Actions({ deliveryId, truckId, truckIds, service, pickTruck, t }: Props) {
  const [other, setOther] = useState('');
  const [link, setLink] = useState<string | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [type, setType] = useState<Declaration | ''>('');
  const [code, setCode] = useState<FailureCode>('other');
  const [isBusy, setIsBusy] = useState(false);
  // One key per declaration: a retry after a lost response does not record it twice.
  const key = useRef(crypto.randomUUID());

  const share = async () => {
    setIsBusy(true);
    const result = await service.share(deliveryId);
    setIsBusy(false);
    if ('failure' in result) {
      setOutcome(result.failure);
      return;
    }
    const created = `${new URL('.', location.href).href}#${result.value.token}`;
    setLink(created);
    setOutcome((await copyText(created)) ? 'linkCopied' : 'linkCreated');
  };
  const declare = async (event: Event) => {
    event.preventDefault();
    if (type === '') return;
    setIsBusy(true);
    const failure: Failure | null = await service.declare(
      deliveryId,
      type,
      type === 'failed' ? code : null,
      key.current,
    );
    setIsBusy(false);
    if (failure === null || failure !== 'unavailable') key.current = crypto.randomUUID();
    setOutcome(failure ?? 'declared');
    if (failure === null) setType('');
  };
  const reassign = async (event: Event) => {
    event.preventDefault();
    setIsBusy(true);
    const failure = await service.reassign(deliveryId, other);
    setIsBusy(false);
    setOutcome(failure ?? 'reassigned');
    if (failure === null) setOther('');
  };
  return (
    <div class="actions">
      <p class="buttons">
        <button type="button" disabled={isBusy} onClick={share}>
          {t.share}
        </button>
      </p>
      {link && (
        <label>
          {t.linkLabel}
          <input
            type="text"
            readOnly
            value={link}
            onFocus={(event) => event.currentTarget.select()}
          />
        </label>
      )}
      <form onSubmit={reassign} class="buttons">
        <label>
          {t.otherTruck}
          <input
            type="text"
            list="trucks-in-view"
            autocomplete="off"
            value={other}
            onInput={(event) => setOther(event.currentTarget.value.trim())}
          />
        </label>
        <datalist id="trucks-in-view">
          {truckIds
            .filter((id) => id !== truckId)
            .map((id) => (
              <option key={id} value={id} />
            ))}
        </datalist>
        {pickTruck && (
          <button
            type="button"
            aria-label={t.chooseOnMap(t.otherTruck)}
            onClick={() => pickTruck(setOther)}
          >
            {t.onMap}
          </button>
        )}
        <button type="submit" disabled={isBusy || other === '' || other === truckId}>
          {t.reassign}
        </button>
      </form>
      <form onSubmit={declare} class="buttons">
        <label>
          {t.declare}
          <select
            value={type}
            onChange={(event) => {
              setType(event.currentTarget.value as Declaration | '');
              key.current = crypto.randomUUID();
            }}
          >
            <option value="">{t.choose}</option>
            {DECLARATIONS.map((one) => (
              <option key={one} value={one}>
                {t.declaration[one]}
              </option>
            ))}
          </select>
        </label>
        {type === 'failed' && (
          <label>
            {t.reason}
            <select
              value={code}
              onChange={(event) => {
                setCode(event.currentTarget.value as FailureCode);
                key.current = crypto.randomUUID();
              }}
            >
              {FAILURE_CODES.map((one) => (
                <option key={one} value={one}>
                  {t.failureCode[one]}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="submit" disabled={isBusy || type === ''}>
          {t.record}
        </button>
      </form>
      <p role="status" aria-live="polite">
        {outcome && textOf(outcome, t)}
      </p>
    </div>
  );
}

function isDone(outcome: Outcome): outcome is Done {
  return (DONE as readonly string[]).includes(outcome);
}

function textOf(outcome: Outcome, t: Texts): string {
  return isDone(outcome) ? t[outcome] : t.failure[outcome];
}

/** Copies a text; returns whether the browser allowed it. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
