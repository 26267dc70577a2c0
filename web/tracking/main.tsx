import { render } from 'preact';
import { loadConfig } from '../shared/config.js';
import { App } from './app.js';
import '../shared/base.css';
import './tracking.css';

const root = document.getElementById('app');
if (root) render(<App config={loadConfig()} />, root);
